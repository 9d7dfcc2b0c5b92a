package seed

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lineitem/lineitem/internal/core/identity"
)

// User is a person, or the account that a team's scheduled work runs under.
type User struct {
	identity.User
	// Group pays for what they do.
	Group identity.Group
	// Leads tells that they lead it.
	Leads bool
}

type user struct {
	User
	group int
	// weight is how much they work, against others; joined and left bound the days on which they do.
	weight       float64
	joined, left int
	// scheduled is an account whose clusters start at night, every day.
	scheduled bool
	personal  []*file
}

var givenNames = strings.Fields(`ada aiko alba amir ana andre anya astrid ben bea bilal carla chen clara dario dina elif emil emma erik eva farah felix
	fatima gita greta hana henry ida igor ines ivan jana joao jonas julia kaan karin kofi lara leo lena lin luca mai marek maria mateo mia milo mira
	nadia nico nils noor olga omar oscar paula pavel petra priya rafa rana rosa ruth samir sara sofia sven tara theo tomas uma vera viktor wei yara
	yusuf zoe`)

var familyNames = strings.Fields(`abebe ahmed almeida andersen aoki baker bauer becker berg bianchi blanc bose brandt brown castro chan costa cruz
	dahl danso diaz dubois eriksen farkas fischer fontaine fuchs garcia gomez gruber haas hansen hassan horvat ito jansen jensen kaya keller khan
	kim klein kovac kumar lang larsen laurent lee lehmann lopez lund maier martin mehta meyer moreau mori nagy nair nguyen nilsen novak okafor olsen
	ortiz park patel peters popov rao reyes ricci rossi roy santos sato schmidt silva singh smith sousa suzuki tanaka torres tran vogel wagner wang
	weber wolf wong yilmaz young zhang`)

// makeUsers puts people into groups: few groups are large, few people work much, some come and some go during the time. Each group that has
// tables to make has an account for its scheduled work.
func (org *Organisation) makeUsers() {
	c := org.stream(ofUsers)
	days := org.options.Days
	taken := map[string]bool{}
	led := make([]bool, len(org.groups))
	for i := range org.options.Users {
		u := user{group: c.weighted(len(org.groups), func(i int) float64 { return org.groups[i].size }), weight: min(c.skewed(1, 1.35), 40), left: days}
		g := org.groups[u.group]
		u.Group = g.Group
		switch {
		case i < len(org.groups) && org.groups[i].habit.schedules():
			u.group, u.Group, u.scheduled = i, org.groups[i].Group, true
			u.weight = min(c.skewed(4, 0.8), 20)
			u.Name = "svc-" + strings.ReplaceAll(strings.TrimPrefix(u.Group.Path, "/"), "/", "-")
		default:
			u.Name = unused(taken, pick(c, givenNames)+"."+pick(c, familyNames))
			if c.Float64() < 0.3 {
				u.joined = int(float64(days) * c.Float64())
			}
			if c.Float64() < 0.08 {
				u.left = u.joined + int(float64(days-u.joined)*c.Float64())
			}
			if !led[u.group] {
				u.Leads, led[u.group], u.joined, u.left = true, true, 0, days
			}
		}
		created := org.begin.Add(time.Duration(u.joined)*day - time.Duration(1+c.IntN(90))*day)
		u.ID, u.Role, u.CreatedAt = identity.UserID(c.newID("us", created)), identity.RoleUser, created
		org.users = append(org.users, u)
	}
}

// unused returns a name that nobody has, and takes it.
func unused(taken map[string]bool, name string) string {
	for n := 2; taken[name]; n++ {
		name = strings.TrimRight(name, "0123456789") + strconv.Itoa(n)
	}
	taken[name] = true
	return name
}

// busy is how much more or less than on an ordinary day people work: growth over the time, weekdays, summer and the turn of the year.
func (org *Organisation) busy(u *user, index int, at time.Time) float64 {
	if index < u.joined || index >= u.left {
		return 0
	}
	factor := 0.65 + 0.7*float64(index)/math.Max(365, float64(org.options.Days))
	if u.scheduled {
		return factor
	}
	switch at.Weekday() {
	case time.Saturday:
		factor *= 0.12
	case time.Sunday:
		factor *= 0.10
	case time.Friday:
		factor *= 0.85
	default:
	}
	switch date := at.YearDay(); {
	case date <= 4 || date >= 357:
		factor *= 0.3
	case at.Month() == time.August:
		factor *= 0.75
	}
	return factor
}
