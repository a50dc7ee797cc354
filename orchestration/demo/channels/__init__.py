"""What each channel delivers: the vendors' tables, column by column.

One module a channel, with its feeds and a function from the world to rows. Nothing that
matters is decided here: a channel writes down what people, books and plans already know,
with the imprecision of its vendor. Files and dialects belong to `formats` and `deliveries`.
"""
