"""An estate out of tables: a mapping says which columns are items and which rows relate them."""
