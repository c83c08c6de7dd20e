"""How clients find our network tuners: UDP and TCP port 65001, and SSDP. No ORM in the answering rooms."""
