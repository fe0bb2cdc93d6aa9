"""Petitions: signatures from anyone's form, counted exactly, handed over, kept safe."""
