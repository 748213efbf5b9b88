"""The command line: its readers and planners purely, its commands as a person would type them."""
