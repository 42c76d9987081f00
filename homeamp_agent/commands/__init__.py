"""What each subcommand of `homeamp-agent` does; `cli` reads the options and picks one.

Data goes to stdout, narration to stderr. Imported one by one, so that `--help` stays fast.
"""
