// Package housekeeping holds tests of the repository itself: what every package must have. It has no code of its own.
package housekeeping
