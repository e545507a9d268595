"""Requirements files, read as pip reads them."""
