package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"siaga/internal/auth"
	"siaga/internal/watch"
)

// cookieName carries the session of a browser.
const cookieName = "siaga_session"

// identify is who holds the token of a request; nobody without one, or with one that opens nothing.
func (s *Server) identify(r *http.Request) (*caller, error) {
	token, script := bearer(r)
	if !script {
		c, err := r.Cookie(cookieName)
		if err != nil {
			return &caller{}, nil
		}
		token = c.Value
	}
	open := s.opt.Auth.FromCookie
	if script {
		open = s.opt.Auth.FromBearer
	}
	session, person, err := open(r.Context(), token)
	if errors.Is(err, auth.ErrNotSignedIn) {
		return &caller{}, nil
	}
	if err != nil {
		return nil, err
	}
	return &caller{Person: person, session: session, token: token, script: script}, nil
}

// stillValid reports whether who holds a socket may go on holding it: the session stands and the roles are the same.
func (s *Server) stillValid(who *caller) bool {
	now, ok := s.opt.Auth.Person(who.ID)
	return ok && now.Active && slices.Equal(now.Roles, who.Roles) && s.opt.Auth.Alive(who.session.ID)
}

// touch keeps a session in use whose console only watches.
func (s *Server) touch(ctx context.Context, who *caller) {
	open := s.opt.Auth.FromCookie
	if who.script {
		open = s.opt.Auth.FromBearer
	}
	_, _, _ = open(ctx, who.token) // whether it still stands, stillValid finds out
}

// Person is somebody with an account.
type Person struct {
	ID        string      `json:"id"`
	Login     string      `json:"login"`
	Name      string      `json:"name"`
	Titles    string      `json:"titles"`
	Agency    string      `json:"agency"`
	Role      auth.Role   `json:"role" doc:"the first of roles"`
	Roles     []auth.Role `json:"roles" nullable:"false"`
	Disabled  bool        `json:"disabled"`
	HasPhone  bool        `json:"has_phone"`
	TOTP      bool        `json:"totp" doc:"is asked for a one-time code"`
	CreatedAt watch.Time  `json:"created_at"`
}

func personOf(p auth.Person) Person {
	return Person{
		ID: p.ID, Login: p.Login, Name: p.Name, Titles: p.Titles, Agency: p.Agency, Role: p.Main(), Roles: orNone(p.Roles),
		Disabled: !p.Active, HasPhone: p.HasPhone, TOTP: p.SecondFactor, CreatedAt: watch.Time{Time: p.Created},
	}
}

// Session is who is signed in and what they may do.
type Session struct {
	Person     Person                    `json:"person"`
	Rights     []auth.Right              `json:"rights" nullable:"false"`
	Scopes     map[auth.Right]auth.Scope `json:"scopes" doc:"how far each right reaches: full, read, squad, siber, test, propose, revoke, posture, own"`
	Site       Site                      `json:"site"`
	ExpiresAt  watch.Time                `json:"expires_at" doc:"if it is not used"`
	EndsAt     watch.Time                `json:"ends_at" doc:"in any case"`
	Token      string                    `json:"token,omitempty" doc:"bearer token for scripts, shown once"`
	MustChange bool                      `json:"must_change,omitempty" doc:"the person must choose another password first"`
}

func (s *Server) sessionOf(p auth.Person, v auth.Session) Session {
	out := Session{
		Person: personOf(p), Rights: []auth.Right{}, Scopes: auth.RightsOf(p), Site: s.site(),
		ExpiresAt: watch.Time{Time: v.Expires}, EndsAt: watch.Time{Time: v.Ends}, MustChange: p.MustChange,
	}
	for _, r := range auth.Rights() {
		if out.Scopes[r] != auth.ScopeNone {
			out.Rights = append(out.Rights, r)
		}
	}
	return out
}

// site is the site with the stage it is in.
func (s *Server) site() Site {
	out := s.opt.Site
	if s.opt.Stage != nil {
		out.Stage = s.opt.Stage()
	}
	return out
}

// Setup says whether the site has an administrator yet.
type Setup struct {
	Enrolled bool   `json:"enrolled"`
	Site     Site   `json:"site"`
	Version  string `json:"version"`
}

func (s *Server) getSetup(context.Context, *struct{}) (*reply[Setup], error) {
	return answered(Setup{Enrolled: s.opt.Auth.Enrolled(), Site: s.opt.Site, Version: s.opt.Version}), nil
}

// FirstPerson is the first administrator.
type FirstPerson struct {
	Code     string `json:"code" maxLength:"64" doc:"printed by the program at its start"`
	Name     string `json:"name" maxLength:"200"`
	Login    string `json:"login" maxLength:"64"`
	Password string `json:"password" maxLength:"512"`
}

func (s *Server) enrol(ctx context.Context, in *struct{ Body FirstPerson }) (*reply[Person], error) {
	b := in.Body
	p, err := s.opt.Auth.Enrol(ctx, b.Code, auth.NewPerson{Login: b.Login, Name: b.Name, Password: b.Password})
	if err != nil {
		return nil, err
	}
	return answered(personOf(p)), nil
}

// SignIn is a try to sign in.
type SignIn struct {
	Name     string `json:"name" maxLength:"64" doc:"sign-in name"`
	Password string `json:"password" maxLength:"512"`
	Code     string `json:"code,omitempty" maxLength:"16" doc:"one-time code, where the person has one"`
}

type signedInReply struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Session
}

func (s *Server) signIn(ctx context.Context, in *struct{ Body SignIn }) (*signedInReply, error) {
	from := originOf(ctx)
	g, err := s.opt.Auth.SignIn(ctx, auth.Attempt{
		Login: in.Body.Name, Password: in.Body.Password, Code: in.Body.Code, Address: from.address, Agent: from.agent,
	})
	if err != nil {
		return nil, err
	}
	out := &signedInReply{SetCookie: s.cookie(g.Cookie, from.secure), Body: s.sessionOf(g.Person, g.Session)}
	out.SetCookie.Expires = g.Session.Ends
	out.Body.Token = g.Bearer
	return out, nil
}

func (s *Server) cookie(token string, secure bool) http.Cookie {
	return http.Cookie{
		Name: cookieName, Value: token, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	}
}

func (s *Server) getSession(ctx context.Context, _ *struct{}) (*reply[Session], error) {
	who := callerOf(ctx)
	return answered(s.sessionOf(who.Person, who.session)), nil
}

type signedOutReply struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*signedOutReply, error) {
	who := callerOf(ctx)
	if err := s.opt.Auth.SignOut(ctx, who.session); err != nil {
		return nil, err
	}
	s.endEnded()
	out := &signedOutReply{SetCookie: s.cookie("", originOf(ctx).secure)}
	out.SetCookie.MaxAge = -1
	return out, nil
}

// OwnPassword is a person's own new password.
type OwnPassword struct {
	Old      string `json:"old" maxLength:"512"`
	Password string `json:"password" maxLength:"512"`
}

func (s *Server) changeOwnPassword(ctx context.Context, in *struct{ Body OwnPassword }) (*struct{}, error) {
	err := s.opt.Auth.ChangePassword(ctx, callerOf(ctx).session, in.Body.Old, in.Body.Password, originOf(ctx).address)
	if err == nil {
		s.endEnded()
	}
	return nil, err
}

// Factor is what a one-time-code app must be told, once.
type Factor struct {
	Secret  string   `json:"secret"`
	Address string   `json:"address" doc:"otpauth link"`
	QR      []string `json:"qr" nullable:"false" doc:"the address as a QR code: rows of 0 and 1, 1 is dark"`
}

func (s *Server) beginFactor(ctx context.Context, in *struct {
	Body struct {
		Password string `json:"password" maxLength:"512"`
	}
},
) (*reply[Factor], error) {
	secret, address, err := s.opt.Auth.BeginSecondFactor(ctx, callerOf(ctx).ID, in.Body.Password, originOf(ctx).address)
	if err != nil {
		return nil, err
	}
	rows, err := auth.QR(address)
	if err != nil {
		return nil, err
	}
	return answered(Factor{Secret: secret, Address: address, QR: rows}), nil
}

func (s *Server) confirmFactor(ctx context.Context, in *struct {
	Body struct {
		Code string `json:"code" maxLength:"16"`
	}
},
) (*struct{}, error) {
	return nil, s.opt.Auth.ConfirmSecondFactor(ctx, callerOf(ctx).ID, in.Body.Code)
}

// NewToken is a token for a script that acts as the one who makes it.
type NewToken struct {
	Label string `json:"label" maxLength:"100" doc:"what it is for"`
	Days  int    `json:"days" minimum:"1" maximum:"90"`
}

// IssuedToken is shown once.
type IssuedToken struct {
	Token   string     `json:"token"`
	Session string     `json:"session"`
	EndsAt  watch.Time `json:"ends_at"`
}

func (s *Server) issueToken(ctx context.Context, in *struct{ Body NewToken }) (*reply[IssuedToken], error) {
	token, v, err := s.opt.Auth.IssueToken(ctx, authBy(ctx, ""), callerOf(ctx).ID, in.Body.Label, time.Duration(in.Body.Days)*24*time.Hour)
	if err != nil {
		return nil, err
	}
	return answered(IssuedToken{Token: token, Session: v.ID, EndsAt: watch.Time{Time: v.Ends}}), nil
}

func (s *Server) listOwnSessions(ctx context.Context, in *struct{ Page }) (*reply[list[OpenSession]], error) {
	who := callerOf(ctx)
	all := openSessions(s.opt.Auth.Sessions(who.ID))
	for i := range all {
		all[i].Current = all[i].ID == who.session.ID
	}
	return answered(pageOf(in.Page, all, func(v OpenSession) string { return v.ID })), nil
}

// endOwnSession ends one of the caller's own; those of others do not exist here.
func (s *Server) endOwnSession(ctx context.Context, in *PersonID) (*struct{}, error) {
	who := callerOf(ctx)
	if !slices.ContainsFunc(s.opt.Auth.Sessions(who.ID), func(v auth.Session) bool { return v.ID == in.ID }) {
		return nil, notFound("session of yours", in.ID)
	}
	err := s.opt.Auth.Revoke(ctx, authBy(ctx, ""), in.ID)
	if err == nil {
		s.endEnded()
	}
	return nil, err
}

func sessionRoutes() []route {
	const tag = "session"
	return []route{
		{method: get, path: prefix + "/setup", right: open, id: "get-setup", about: "Whether the site has an administrator", tag: tag, serve: call((*Server).getSetup)},
		{method: post, path: prefix + "/setup", right: open, id: "enrol", about: "Make the first administrator, with the code the program printed", tag: tag, status: http.StatusCreated, serve: call((*Server).enrol)},
		{method: post, path: prefix + "/session", right: open, tells: true, looks: true, id: "sign-in", about: "Sign in", tag: tag, status: http.StatusCreated, serve: call((*Server).signIn)},
		{method: get, path: prefix + "/session", right: session, tells: true, id: "get-session", about: "Who is signed in", tag: tag, serve: call((*Server).getSession)},
		{method: del, path: prefix + "/session", right: session, looks: true, id: "sign-out", about: "Sign out", tag: tag, status: http.StatusNoContent, serve: call((*Server).signOut)},
		{method: post, path: prefix + "/session/password", right: session, tells: true, id: "change-own-password", about: "Choose another password; other sessions end", tag: tag, status: http.StatusNoContent, serve: call((*Server).changeOwnPassword)},
		{method: post, path: prefix + "/session/factor", right: signedIn, tells: true, id: "begin-factor", about: "Begin to use a one-time-code app; takes the password again", tag: tag, status: http.StatusCreated, serve: call((*Server).beginFactor)},
		{method: post, path: prefix + "/session/factor/confirm", right: signedIn, id: "confirm-factor", about: "Prove that the app works; from then on sign-ins ask for a code", tag: tag, status: http.StatusNoContent, serve: call((*Server).confirmFactor)},
		{method: get, path: prefix + "/session/sessions", right: signedIn, id: "list-own-sessions", about: "Where the caller is signed in", tag: tag, serve: call((*Server).listOwnSessions)},
		{method: del, path: prefix + "/session/sessions/{id}", right: signedIn, id: "end-own-session", about: "End an own session", tag: tag, status: http.StatusNoContent, serve: call((*Server).endOwnSession)},
		{method: post, path: prefix + "/session/tokens", right: signedIn, id: "issue-token", about: "Make a bearer token for an own script and show it once", tag: tag, status: http.StatusCreated, serve: call((*Server).issueToken)},
	}
}
