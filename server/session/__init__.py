"""One source with its viewers and its masks, and the table of them."""
