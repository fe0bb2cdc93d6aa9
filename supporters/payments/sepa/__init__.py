"""SEPA direct debit: what is collected, the bank's file, and what becomes of it."""
