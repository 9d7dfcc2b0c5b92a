package app

import (
	"context"
	"fmt"
	"os"

	"github.com/lineitem/lineitem/internal/bucket"
	"github.com/lineitem/lineitem/internal/warehouse"
)

// segmentSuffix ends the names of the warehouse's files.
const segmentSuffix = ".parquet"

// openBucket opens the bucket that keeps the warehouse's files; nil where they are kept in the folder alone. The keys are those of the environment.
func (a *App) openBucket(ctx context.Context, folder string) (warehouse.Blobs, error) {
	if a.cfg.WarehouseBucket == "" {
		return nil, nil
	}
	address, err := bucket.ParseAddress(a.cfg.WarehouseBucket)
	if err != nil {
		return nil, fmt.Errorf("--warehouse-bucket %w; nothing was started", err)
	}
	b, err := bucket.Open(ctx, address, bucket.CredentialsFrom(os.LookupEnv))
	if err != nil {
		return nil, fmt.Errorf("%w; nothing was started", err)
	}
	shelf, err := bucket.NewShelf(b, folder, segmentSuffix, a.cfg.WarehouseCache)
	if err != nil {
		return nil, fmt.Errorf("%w; nothing was started, choose another folder with --warehouse", err)
	}
	return shelf, nil
}
