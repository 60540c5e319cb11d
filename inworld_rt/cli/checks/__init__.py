"""What ``inworld-rt doctor`` looks at.

What was found is judged apart from the looking: a judge is given facts and the system, and returns
a verdict, with no device, network or clock near it.

===============  ============================================================
``verdict``      what a judge says
``system``       the computer, and what to type on it
``packages``     judges Python and what is installed in it
``sound``        judges devices, levels, echo
``access``       judges the config file and the key
``network``      judges the way to the service, and the answer
``certificate``  tells who made one
``machine``      looks at the computer
``hearing``      looks at the devices: listens, plays, measures echo
``reaching``     looks at the network: connects, as far as it goes
``steps``        looks at each thing and has it judged
``table``        all checks in order, and how they are run
``report``       what was found, as text
``screen``       the same on a terminal
===============  ============================================================
"""
