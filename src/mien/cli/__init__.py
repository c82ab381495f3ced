"""The command line: each command parses, imports what it needs, makes one library call, prints, and exits."""
