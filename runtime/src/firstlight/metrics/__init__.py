"""Instruments of the process, and what reads the interpreter and the kernel for them."""
