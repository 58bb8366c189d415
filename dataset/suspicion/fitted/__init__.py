"""What triage learns from a sample of the pictures, and what that says about any picture."""
