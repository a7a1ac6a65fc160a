<%= source("ci/steps/template-update.sh") %>
