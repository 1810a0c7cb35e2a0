"""Videos from files, watched again and again: the film for the browser, and its masks beside it."""
