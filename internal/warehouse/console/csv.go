package console

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"
)

// writeCSV writes rows to a file: texts in quotes, nothing for NULL.
func writeCSV(ctx context.Context, path string, rows iter.Seq2[[]any, error]) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make a file of rows: %w", err)
	}
	defer func() {
		if closed := file.Close(); err == nil && closed != nil {
			err = fmt.Errorf("write rows: %w", closed)
		}
	}()
	out := bufio.NewWriterSize(file, 1<<18)
	var line []byte
	for row, err := range rows {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		line = line[:0]
		for i, v := range row {
			if i > 0 {
				line = append(line, ',')
			}
			if line, err = appendCell(line, v); err != nil {
				return err
			}
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// maxText is how much of a text is loaded: what is longer than a thousand lines is no name.
const maxText = 1 << 16

func appendCell(line []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return line, nil
	case string:
		if len(v) > maxText {
			v = v[:maxText]
		}
		v = strings.ReplaceAll(strings.ToValidUTF8(v, "\uFFFD"), "\x00", "")
		line = append(line, '"')
		line = append(line, strings.ReplaceAll(v, `"`, `""`)...)
		return append(line, '"'), nil
	case int64:
		return strconv.AppendInt(line, v, 10), nil
	case float64:
		return strconv.AppendFloat(line, v, 'g', -1, 64), nil
	case bool:
		return strconv.AppendBool(line, v), nil
	case time.Time:
		return v.UTC().AppendFormat(line, "2006-01-02T15:04:05.000000Z"), nil
	default:
		return line, fmt.Errorf("a row has a value of type %T", v)
	}
}
