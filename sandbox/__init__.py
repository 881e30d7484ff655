"""Simulated counterparts over real HTTP: the national document axis, ministries and provincial document systems.

Nothing here is shared with the gateway: the sandbox has its own reading of the wire (reference vxp-edxml §6), its own
XML writer and reader and its own store, so that a misreading cannot pass on both sides. Its behaviour is checked
against recorded requests of the vendor's SDK and against files that came back from the real axis.
"""
