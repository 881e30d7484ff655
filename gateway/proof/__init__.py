"""Evidence in service: sealing entries into the tree, and checking the tree that is stored."""
