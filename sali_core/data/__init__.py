"""Data: phantom scenes, folders of stills and clips made from them."""
