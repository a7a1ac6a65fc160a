"""The instruments of the process, and the collectors that read the interpreter and the kernel."""
