"""What `petitions.py` measures beside ours, and the load it measures with."""
