"""The command line: one module per subcommand. Empty, so that cli.py runs before anything heavy loads."""
