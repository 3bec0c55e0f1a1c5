"""The claims of the paper, measured, as one page."""
