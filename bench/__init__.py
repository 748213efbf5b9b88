"""What Steward costs beside hand-written code: `python -m bench` measures both in one run and compares them."""
