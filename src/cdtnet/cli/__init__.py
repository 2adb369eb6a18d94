"""The command line, one module per subcommand; heavy modules are imported when a subcommand runs."""
