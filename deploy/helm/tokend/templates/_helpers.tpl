{{- define "tokend.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "tokend.selector" . }}
{{- end }}

{{- define "tokend.selector" -}}
app.kubernetes.io/name: tokend
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tokend.name" -}}
{{- if contains "tokend" .Release.Name }}{{ .Release.Name | trunc 50 }}{{ else }}{{ printf "%s-tokend" .Release.Name | trunc 50 }}{{ end }}
{{- end }}

{{- define "tokend.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}
