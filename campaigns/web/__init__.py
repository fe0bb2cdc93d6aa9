"""What the outside world reaches: the API for petition forms, and the few pages of our own."""
