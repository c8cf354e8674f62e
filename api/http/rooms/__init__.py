"""What the API and the pages share about rooms."""
