package spend

import (
	"fmt"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/cost"
)

// Loss is a day whose detail was lost with a file of the warehouse, and could not be written again.
type Loss struct {
	// Day is the UTC midnight that it begins with.
	Day time.Time
	// Unknown is what was seen in detail and counts as unknown now; Missing is in no figure any more. AtMost tells that they may be less. Known is false for those who
	// may not see what everybody spends: the amounts are 0 then.
	Unknown, Missing cost.Nanos
	AtMost, Known    bool
}

// maxLosses is how many days Notes names.
const maxLosses = 5

// Notes say in sentences what a reader of figures should know of losses.
func Notes(losses []Loss, currency cost.Currency) []string {
	var out []string
	for i, l := range losses {
		if i == maxLosses {
			return append(out, fmt.Sprintf("%d more days of this time have lost detail in the same way; administrators find them in the list of damaged files.", len(losses)-i))
		}
		out = append(out, l.note(currency))
	}
	return out
}

func (l Loss) note(currency cost.Currency) string {
	head := fmt.Sprintf("The file with the detail of %s (UTC) was damaged, and what it was made of is not kept any more", l.Day.Format(time.DateOnly))
	if !l.Known {
		return head + ": a part of that day's cost may show as unknown, or not at all."
	}
	most := ""
	if l.AtMost {
		most = "at most "
	}
	var parts []string
	if l.Unknown != 0 {
		parts = append(parts, fmt.Sprintf("%s%s that was seen in detail counts as unknown, and the total is what the ledger has", most, l.Unknown.Short(currency)))
	}
	if l.Missing != 0 {
		parts = append(parts, fmt.Sprintf("%s%s is in no figure, because the ledger knows of nobody who spent it", most, l.Missing.Short(currency)))
	}
	return head + ": " + strings.Join(parts, "; ") + "."
}
