"""The bus side: evaluate, build, watch, roll out. One verb, one file."""
