"""Use cases that handlers, consumers and the command line share; without HTTP."""
