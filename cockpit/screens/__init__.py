"""Screens: how panes are laid out, and the dialogs over them."""
