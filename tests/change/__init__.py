"""Change management, ISO/IEC 20000-2 9.2."""
