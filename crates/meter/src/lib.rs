//! What a process tree costs: CPU, memory, context switches, interference; and the CPUs of the machine.

#![forbid(unsafe_code)]
