"""Pure audit: what an entry is, how entries form a tree, and how a tree is checked. Nothing here does I/O."""
