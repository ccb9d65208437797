// Package objstoretest checks what every objstore.Store promises, and breaks
// stores on purpose.
//
// Suite is what each implementation passes. Sim is a store in memory for
// deterministic simulation, with a menu of faults. Flaky makes any store as
// unreliable as a bad network.
package objstoretest
