package rules

import (
	"fmt"
	"math"
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Limits of one expression. Costs are CEL's: one a simple step.
const (
	maxExpression = 4096
	maxCost       = 20_000
)

// expression is a compiled CEL text.
type expression struct {
	text    string
	program cel.Program
}

// language is the CEL environment of rules: the event, its body, what the site knows, a few functions.
func language() (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxExpression), cel.ExpressionNodeLimit(1000), cel.RegexProgramSizeLimit(200),
		cel.Variable("body", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("count", cel.IntType),
		cel.Variable("e.at", cel.TimestampType),
		cel.Function("abs", cel.Overload("abs_number", []*cel.Type{cel.DynType}, cel.DoubleType, cel.UnaryBinding(abs))),
		cel.Function("text", cel.Overload("text_any", []*cel.Type{cel.DynType}, cel.StringType, cel.UnaryBinding(text))),
		cel.Function("first", cel.Overload("first_string", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType, cel.BinaryBinding(first))),
	}
	for _, name := range [...]string{
		"e.kind", "e.device", "e.zone", "e.subject", "e.actor", "device.id", "device.name", "device.alias", "device.kind",
		"device.gateway", "zone.id", "zone.name", "zone.kind",
	} {
		opts = append(opts, cel.Variable(name, cel.StringType))
	}
	for _, name := range [...]string{"e.repeat", "device.known", "device.beacon", "zone.armed", "zone.locked", "zone.special"} {
		opts = append(opts, cel.Variable(name, cel.BoolType))
	}
	return cel.NewEnv(opts...)
}

// compile checks one expression and faults it where it stands.
func (d *document) compile(env *cel.Env, s scalar, key string, want *cel.Type) *expression {
	checked, issues := env.Compile(s.text)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			d.fault(s.inside(e.Location.Line(), e.Location.Column()), "%s: %s", key, e.Message)
		}
		return nil
	}
	if out := checked.OutputType(); !out.IsExactType(want) && !out.IsExactType(cel.DynType) {
		d.fault(s.at, "%s gives %s, want %s", key, out, want)
		return nil
	}
	estimate, err := env.EstimateCost(checked, sizes{})
	if err != nil {
		d.fault(s.at, "%s: %v", key, err)
		return nil
	}
	if estimate.Max > maxCost {
		d.fault(s.at, "%s may cost %d steps an event, the limit is %d: compare fields instead of searching through lists", key, estimate.Max, maxCost)
		return nil
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err != nil {
		d.fault(s.at, "%s: %v", key, err)
		return nil
	}
	return &expression{text: s.text, program: program}
}

// sizes bounds what an expression may meet: texts of a line, lists of a screenful.
type sizes struct{}

func (sizes) EstimateCallCost(function, overload string, _ *cost.AstNode, _ []cost.AstNode) *cost.CallEstimate {
	return nil
}

func (sizes) EstimateSize(n cost.AstNode) *cost.SizeEstimate {
	limit := uint64(100)
	if n.Type() != nil && n.Type().Kind() == types.StringKind {
		limit = 1000
	}
	return &cost.SizeEstimate{Min: 0, Max: limit}
}

// abs is the size of a number without its sign.
func abs(v ref.Val) ref.Val {
	switch n := v.(type) {
	case types.Double:
		return types.Double(math.Abs(float64(n)))
	case types.Int:
		return types.Double(math.Abs(float64(n)))
	case types.Uint:
		return types.Double(float64(n))
	}
	return types.NewErr("abs wants a number, not %s", v.Type().TypeName())
}

// text writes a value as people do: whole numbers without exponent or fraction. A value that is not there is "".
func text(v ref.Val) ref.Val {
	switch n := v.(type) {
	case types.String:
		return n
	case types.Double:
		return types.String(strconv.FormatFloat(float64(n), 'f', -1, 64))
	case types.Null:
		return types.String("")
	case *types.Optional:
		if !n.HasValue() {
			return types.String("")
		}
		return text(n.GetValue())
	case traits.Mapper, traits.Lister:
		return types.NewErr("text wants one value, not %s", v.Type().TypeName())
	}
	return v.ConvertToType(types.StringType)
}

// first is the first of two texts that says anything.
func first(a, b ref.Val) ref.Val {
	if a == types.String("") {
		return b
	}
	return a
}

// boolean evaluates a condition; a nil expression holds always. What cannot be evaluated does not hold.
func (x *expression) boolean(v *view) (bool, error) {
	if x == nil {
		return true, nil
	}
	out, _, err := x.program.Eval(v)
	if err != nil {
		return false, err
	}
	b, ok := out.(types.Bool)
	if !ok {
		return false, fmt.Errorf("gives %s, want bool", out.Type().TypeName())
	}
	return bool(b), nil
}

// string evaluates a text; a nil expression gives the default.
func (x *expression) string(v *view, otherwise string) (string, error) {
	if x == nil {
		return otherwise, nil
	}
	out, _, err := x.program.Eval(v)
	if err != nil {
		return otherwise, err
	}
	s, ok := text(out).(types.String)
	if !ok {
		return otherwise, fmt.Errorf("gives %s, want string", out.Type().TypeName())
	}
	return string(s), nil
}
