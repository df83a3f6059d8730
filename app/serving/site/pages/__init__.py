"""The web page of the server: its templates, styles and scripts, and what is put into them."""
