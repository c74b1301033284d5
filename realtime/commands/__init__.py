"""The command line: one module per subcommand. Empty: cli.py comes first, before anything heavy loads."""
