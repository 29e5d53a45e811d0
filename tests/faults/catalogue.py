"""Every fault there is, by its name."""
# Importing a file of faults puts them into the list.
import faults_agent
import faults_disk
import faults_etcd
import faults_network
import faults_secrets
from faults import ALL
