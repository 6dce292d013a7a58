using System.Net.Http.Json;
using System.Text.Json;

var form = new FormUrlEncodedContent(new Dictionary<string, string>
{
    ["grant_type"] = "client_credentials",
    ["client_id"] = @CLIENT_ID@,
    ["client_secret"] = Environment.GetEnvironmentVariable("CLIENT_SECRET")!,
    ["resource"] = @RESOURCE@,
    ["scope"] = @SCOPE@,
});
using var http = new HttpClient();
var response = await http.PostAsync(@TOKEN_URL@, form);
response.EnsureSuccessStatusCode();
var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
// Use it until it expires. Duende.AccessTokenManagement keeps and renews the token.
Console.WriteLine(answer.GetProperty("access_token").GetString());
