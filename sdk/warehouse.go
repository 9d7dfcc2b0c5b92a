package sdk

import (
	"context"
	"net/http"
	"time"
)

// Warehouse says how the files are that questions of cost are answered from.
type Warehouse struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	// DirtyHours are hours of clusters that the files do not hold rightly yet: they are answered from the database.
	DirtyHours int64      `json:"dirty_hours"`
	DirtySince *time.Time `json:"dirty_since,omitempty"`
	// Damaged are files that were found damaged and set aside, the newest 200 of DamagedFiles. Of LossyFiles something could not be written again.
	Damaged      []DamagedFile `json:"damaged" nullable:"false"`
	DamagedFiles int64         `json:"damaged_files"`
	LossyFiles   int64         `json:"lossy_files"`
	Currency     string        `json:"currency"`
}

// DamagedFile is a file of the warehouse that was not what was written.
type DamagedFile struct {
	File  string `json:"file" doc:"Its name in the warehouse's folder; it is kept in the folder damaged there for a while"`
	Table string `json:"table"`
	// Day is the UTC day, or the first of the month, that the file was of.
	Day     string    `json:"day"`
	Bytes   int64     `json:"bytes" doc:"As they were written"`
	Reason  string    `json:"reason" doc:"What was wrong with it: it \"is missing\""`
	FoundAt time.Time `json:"found_at"`
	// UnknownNanos was seen in detail and counts as unknown now; MissingNanos is in no figure any more. Both are 0 where all could be written again.
	UnknownNanos int64 `json:"unknown_nanos"`
	MissingNanos int64 `json:"missing_nanos"`
	AtMost       bool  `json:"at_most" doc:"The two may be less"`
}

// Warehouse says how the warehouse is; only admins may.
func (c *Client) Warehouse(ctx context.Context) (Warehouse, error) {
	return call[Warehouse](ctx, c, http.MethodGet, "/warehouse", nil, nil)
}
