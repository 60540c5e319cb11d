"""Servers and other stand-ins that several tests share."""
