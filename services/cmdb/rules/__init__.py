"""What configuration management calculates without a database: types, kinds of relationships, change control."""
