package fake

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/backend"
)

// The variables that steer a process, and the values of EnvStart.
const (
	EnvStart      = "LINEITEM_FAKE_START"
	EnvStartAfter = "LINEITEM_FAKE_START_AFTER"
	EnvExitAfter  = "LINEITEM_FAKE_EXIT_AFTER"
	EnvExitCode   = "LINEITEM_FAKE_EXIT_CODE"
	EnvStopAfter  = "LINEITEM_FAKE_STOP_AFTER"
	EnvIgnoreTerm = "LINEITEM_FAKE_IGNORE_TERM"

	StartFail     = "fail"
	StartNever    = "never"
	StartCapacity = "capacity"
	StartInvalid  = "invalid"
)

// behaviour is what a process is going to do.
type behaviour struct {
	start      string
	startAfter time.Duration
	exits      bool
	exitAfter  time.Duration
	exitCode   int
	stopAfter  time.Duration
	ignoreTerm bool
}

// behaviourOf reads the environment of a launch. What it does not understand it refuses, so that no test believes to have steered.
func behaviourOf(l backend.Launch) (behaviour, error) {
	v := behaviour{exitCode: 1}
	for key, text := range l.Env {
		if !strings.HasPrefix(key, "LINEITEM_FAKE_") {
			continue
		}
		value, ok := valueFor(l.Name, text)
		if !ok {
			continue
		}
		var err error
		switch key {
		case EnvStart:
			switch value {
			case StartFail, StartNever, StartCapacity, StartInvalid:
				v.start = value
			default:
				err = fmt.Errorf("it is none of %s, %s, %s, %s", StartFail, StartNever, StartCapacity, StartInvalid)
			}
		case EnvStartAfter:
			v.startAfter, err = duration(value)
		case EnvExitAfter:
			v.exits = true
			v.exitAfter, err = duration(value)
		case EnvExitCode:
			v.exitCode, err = strconv.Atoi(value)
		case EnvStopAfter:
			v.stopAfter, err = duration(value)
		case EnvIgnoreTerm:
			v.ignoreTerm, err = strconv.ParseBool(value)
		default:
			err = fmt.Errorf("no such variable steers the fake backend")
		}
		if err != nil {
			return behaviour{}, invalid("%s=%q: %w.", key, text, err)
		}
	}
	return v, nil
}

// valueFor picks what a value such as "w-1=5s, w-2=9s" or "5s" means for one process.
func valueFor(name, text string) (string, bool) {
	for part := range strings.SplitSeq(text, ",") {
		who, value, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			return who, true
		}
		if who == name {
			return value, true
		}
	}
	return "", false
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("it is negative")
	}
	return d, err
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format+" Nothing was started.", append([]any{backend.ErrInvalid}, args...)...)
}

// check refuses what every backend refuses.
func check(l backend.Launch) error {
	switch {
	case !plain(string(l.ID)), !plain(string(l.ClusterID)), !plain(l.Name):
		return invalid("An id or name is missing or holds more than letters, digits, dots, dashes and underscores: %q, %q, %q.",
			l.ID, l.ClusterID, l.Name)
	case l.Role != "scheduler" && l.Role != "worker":
		return invalid("Role %q is neither scheduler nor worker.", l.Role)
	case l.Role == "worker" && (l.Threads < 1 || l.MemoryBytes < 1):
		return invalid("A worker needs threads and memory, not %d and %d bytes.", l.Threads, l.MemoryBytes)
	case len(l.Credentials.CA) == 0 || len(l.Credentials.Certificate) == 0 || len(l.Credentials.Key) == 0:
		return invalid("The TLS credentials are incomplete.")
	case l.Python != "":
		return invalid("There are no interpreters here, and the launch asks for %q.", l.Python)
	}
	for key := range l.Env {
		if key == "" || strings.ContainsAny(key, "=\x00") {
			return invalid("%q cannot be set in an environment.", key)
		}
	}
	return nil
}

func plain(s string) bool {
	return s != "" && !strings.Contains(s, "..") && strings.Trim(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}
