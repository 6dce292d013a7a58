package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
)

func main() {
	form := url.Values{
		"grant_type": {"client_credentials"},
		"resource":   {@RESOURCE@},
		"scope":      {@SCOPE@},
	}
	request, err := http.NewRequest("POST", @TOKEN_URL@, strings.NewReader(form.Encode()))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(@CLIENT_ID@), url.QueryEscape(os.Getenv("CLIENT_SECRET")))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken      string `json:"access_token"`
		ExpiresIn        int    `json:"expires_in"`
		ErrorDescription string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		log.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		log.Fatal(answer.ErrorDescription)
	}
	// Use it until it expires. golang.org/x/oauth2/clientcredentials does that by itself.
	fmt.Println(answer.AccessToken)
}
