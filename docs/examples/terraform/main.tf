# A client of tokend and its secrets, with the generic REST provider. Neither these files nor the
# state hold a secret of the client: only digests that `tokend secret generate` has printed.

terraform {
  required_providers {
    restapi = {
      source  = "Mastercard/restapi"
      version = "~> 3.0"
    }
  }
}

variable "admin_secret" {
  description = "The secret of the administrator `terraform`"
  type        = string
  sensitive   = true
}

variable "first_digest" {
  description = "The digest of the secret that the client begins with"
  type        = string
}

variable "more_digests" {
  description = "Digests of later secrets, by their labels"
  type        = map(string)
  default     = {}
}

provider "restapi" {
  uri                  = "https://tokend.internal"
  id_attribute         = "client_id"
  write_returns_object = true

  # A PUT that changes an object needs a condition. This one: the object exists.
  headers = { "If-Match" = "*" }

  oauth_client_credentials {
    oauth_client_id      = "terraform"
    oauth_client_secret  = var.admin_secret
    oauth_token_endpoint = "https://id.example.com/v1/oauth/token"
    endpoint_params      = { "resource" = "urn:tokend" }
  }
}

locals {
  billing = jsondecode(file("${path.module}/billing.json"))
}

resource "restapi_object" "billing" {
  path        = "/v1/clients"
  update_data = jsonencode(local.billing)

  # Only the creation takes a secret. With a digest, the answer has none.
  data = jsonencode(merge(local.billing, {
    secret = { label = "first", secret_digest = var.first_digest }
  }))

  # An answer has every member of a client.
  ignore_server_additions = true
}

resource "restapi_object" "billing_secret" {
  for_each = var.more_digests

  path         = "/v1/clients/${restapi_object.billing.id}/secrets"
  id_attribute = "secret_id"
  data         = jsonencode({ label = each.key, secret_digest = each.value })

  # A secret is read in the list of its client, and cannot be changed.
  read_search = {
    results_key  = "data"
    search_key   = "secret_id"
    search_value = "{id}"
  }
  force_new               = ["secret_digest"]
  ignore_server_additions = true
}
