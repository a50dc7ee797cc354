"""What a run costs, measured from outside. Not shipped and not imported by the product."""
