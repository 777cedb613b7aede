"""The native API's structs, with the wire's own names; decode and encode only.

Requests refuse unknown fields. Where the document names a key by a short word (``install``) and the field also has a
long one (``installCommand``), both are taken and both are answered.
"""
