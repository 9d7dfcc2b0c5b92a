package api

import (
	"net/http"

	"github.com/lineitem/lineitem/internal/core/errs"
)

type health struct {
	Status string `json:"status"`
}

// healthz says that the process is up, and no more: restarting it would not help a database that is away.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, health{Status: "ok"})
}

// readyz says whether the server can work.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.Ready(r.Context()); err != nil {
		s.refuse(w, r, errs.Wrap(err, errs.Unavailable, "not_ready", "The server is not ready: %s.", err))
		return
	}
	writeJSON(w, http.StatusOK, health{Status: "ok"})
}
