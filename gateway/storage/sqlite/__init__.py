"""The SQLite store: one writer thread, a pool of readers, and the verbs as plain functions of a transaction."""
